"""What is told of a model beside its figures: only what is known of both and differs."""

from cdml.evaluation.model_changes import MOST, Traits, compare_traits


def told(champion, challenger):
    return [
        (one.what, one.champion, one.challenger) for one in compare_traits(champion, challenger)
    ]


def test_parameters_and_features_that_came_went_or_moved_are_named():
    before = Traits(parameters={"depth": "3", "seed": "1"}, features={"x": "double", "y": "long"})
    after = Traits(parameters={"depth": "5", "seed": "1"}, features={"x": "float", "z": "long"})

    expected = [
        ("parameter depth", "3", "5"),
        ("feature x", "double", "float"),
        ("feature y", "long", None),
        ("feature z", None, "long"),
    ]
    assert expected == told(before, after)


def test_what_nobody_recorded_of_one_side_is_no_change():
    known = Traits(
        parameters={"depth": "3"}, features={"x": "double"}, data=("train 1f",), loader="a"
    )

    assert [] == told(known, Traits())
    assert [] == told(Traits(), known)


def test_training_data_and_loader_are_told_where_they_differ():
    before = Traits(data=("h1 aa",), loader="mlflow.sklearn", size_mb=1.25, latency_ms=(1, 2, 9))
    after = Traits(data=("h2 bb",), loader="mlflow.pyfunc", size_mb=12.5, latency_ms=(4, 4))

    expected = [
        ("training data", "h1 aa", "h2 bb"),
        ("loaded by", "mlflow.sklearn", "mlflow.pyfunc"),
        ("size (MB)", "1.25", "12.5"),
        ("median latency (ms)", "2", "4"),
    ]
    assert expected == told(before, after)


def test_endless_parameters_are_counted():
    many = {str(i): "a" for i in range(MOST + 7)}

    *_, last = told(Traits(parameters=many), Traits(parameters=dict.fromkeys(many, "b")))

    assert ("7 more parameters", None, "differ too") == last
