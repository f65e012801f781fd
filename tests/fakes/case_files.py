"""Results arranged by case in plain Python: the oracle that the engine is held to."""

import math

import pyarrow as pa
import pyarrow.parquet as pq

from cdml.common.markdown import address
from cdml.errors import InputError
from cdml.evaluation.cases import Arm, Cases
from cdml.evidence.cases import MOST_CASES, CaseText, ChangedCase, ChangedCases


class FakeCases:
    """Reads whole files, case by case."""

    def arrange(self, challenger, champion, plan, into, rows=None):
        paths = {"challenger": challenger, "champion": champion, "evaluation": rows}
        paths = {name: path for name, path in paths.items() if path is not None}
        if any(not path.is_file() for path in paths.values()):
            raise InputError("a file does not exist.")
        files = {name: pq.read_table(path).to_pylist() for name, path in paths.items()}
        if any(not set(plan.key) <= set(file[0]) for file in files.values()):
            raise InputError("there is no such key.")
        lacking = plan.lacking(files["challenger"][0], files.get("champion", [None])[0])
        if not plan.rearranges and not lacking:
            return Cases(challenger=challenger, champion=champion, rows=rows)
        if any(all(name not in file[0] for file in files.values()) for name in lacking):
            raise InputError("no file has the column.")
        results = [file for name, file in files.items() if name != "evaluation"]
        own = [*plan.errors, *([plan.trial] if plan.trial else [])]
        if any(all(name not in file[0] for file in results) for name in own):
            raise InputError("no file has the column.")
        cases = {name: _cases(file, plan) for name, file in files.items()}
        arms = {name: _arm(name, cases, plan) for name in cases}
        if any(arm.alone > plan.unmatched * arm.cases for arm in arms.values()):
            raise InputError("cases stand in one file only.")
        common = set.intersection(
            *({key for key, one in file.items() if one["values"]} for file in cases.values())
        )
        if not common:
            raise InputError("no case was measured in all of them.")
        written = {name: into / f"{name}.parquet" for name in cases}
        for name, path in written.items():
            chosen = [_row(name, key, cases, plan) for key in sorted(common)]
            pq.write_table(pa.Table.from_pylist(chosen), path)
        return Cases(
            challenger=written["challenger"],
            champion=written.get("champion"),
            rows=written.get("evaluation"),
            arms=tuple(arms[name] for name in ("challenger", "champion") if name in arms),
        )

    def list_changes(self, challenger, champion, query):
        arms = [
            {
                tuple(row[name] for name in query.plan.key): row
                for row in pq.read_table(path).to_pylist()
            }
            for path in (challenger, champion)
        ]
        sign = 1 if query.greater_is_better else -1
        moves = []
        for key in arms[0].keys() & arms[1].keys():
            now, before = (arm[key][query.column] for arm in arms)
            if None not in (now, before) and math.isfinite(now) and math.isfinite(before):
                moves.append((sign * (now - before), key, float(before), float(now)))
        worse = sorted(move for move in moves if move[0] < -1e-9)
        better = sorted((-gain, *rest) for gain, *rest in moves if gain > 1e-9)
        named = query.plan.show_keys
        return ChangedCases(
            metric=query.metric,
            cases=len(moves),
            worse=len(worse),
            better=len(better),
            broken=[_changed(*one[1:], query, -1) for one in worse[:MOST_CASES] if named],
            fixed=[_changed(*one[1:], query, 1) for one in better[:MOST_CASES] if named],
        )


def _changed(key, before, now, query, direction):
    sign = direction if query.greater_is_better else -direction
    trials = [
        _trial(path, key, query, side * sign)
        for path, side in zip(query.results, (1, -1), strict=True)
    ]
    return ChangedCase(
        case=_name(key)[:200],
        champion=before,
        challenger=now,
        link=_link(trials[0].get(query.link)),
        texts=[
            CaseText(
                column=name,
                champion=_cut(trials[1].get(name)),
                challenger=_cut(trials[0].get(name)),
            )
            for name in query.texts
            if any(name in trial for trial in trials)
        ],
    )


def _trial(path, key, query, sign):
    """The measured trial of a case with the largest score, or with the smallest."""
    rows = [
        row
        for row in pq.read_table(path).to_pylist()
        if tuple(row[name] for name in query.plan.key) == key
        and not any(row.get(name) for name in query.plan.errors)
        and row[query.column] is not None
    ]
    return min(rows, key=lambda row: (-sign * row[query.column], row.get(query.plan.trial) or 0))


def _link(text):
    return text if text and len(text) <= 500 and address(text) else None


def _cut(text):
    return text if text is None else text[:500]


def _cases(rows, plan):
    """The rows of each key, and the values of its measured trials."""
    cases, seen = {}, set()
    for row in rows:
        key = tuple(row[name] for name in plan.key)
        trial = row.get(plan.trial) if plan.trial else None
        if None in key or (plan.trial in row and trial is None) or (key, trial) in seen:
            raise InputError("keys are missing or repeated.")
        seen.add((key, trial))
        case = cases.setdefault(key, {"rows": 0, "errors": 0, "values": [], "joined": []})
        errors = [row.get(name) for name in plan.errors]
        failed = any(one.strip() if isinstance(one, str) else one for one in errors)
        case["rows"] += 1
        case["errors"] += failed
        case["joined"].append({name: row[name] for name in plan.joined if name in row})
        if not failed:
            case["values"].append(row)
    if any(one != case["joined"][0] for case in cases.values() for one in case["joined"]):
        raise InputError("the trials of a case differ.")
    return cases


def _arm(name, cases, plan):
    mine = cases[name]
    others = [file for other, file in cases.items() if other != name]
    alone = [key for key in mine if any(key not in other for other in others)]
    unmeasured = [key for key, case in mine.items() if not case["values"]]
    shares = {key: case["errors"] / case["rows"] for key, case in mine.items() if case["errors"]}
    failed = sorted(shares, key=lambda key: (-shares[key], _name(key)))
    return Arm(
        cases=len(mine),
        rows=sum(case["rows"] for case in mine.values()),
        errors=sum(case["errors"] for case in mine.values()),
        unmeasured=len(unmeasured),
        alone=len(alone),
        failed=_names(failed, plan),
        missing=_names(sorted(alone, key=_name), plan),
    )


def _names(keys, plan):
    return tuple(map(_name, keys))[:3] if plan.show_keys else ()


def _name(key):
    return "/".join(map(str, key))


def _row(name, key, cases, plan):
    case = cases[name][key]
    left_out = {*plan.key, plan.trial, *plan.errors}
    row = dict(zip(plan.key, key, strict=True))
    for column, value in case["values"][0].items():
        if column in left_out:
            continue
        if plan.trial and column in plan.labels:
            given = [one[column] for one in case["values"] if one[column] is not None]
            row[column] = _mean(given) if given else None
            continue
        figure = isinstance(value, bool | int | float) and column not in plan.joined
        row[column] = (
            _mean([one[column] for one in case["values"]]) if figure and plan.trial else value
        )
    if plan.answer in row:
        row["prediction"] = row.pop(plan.answer)
    for column in plan.joined:
        if column not in row:
            source = next(file for file in cases.values() if column in file[key]["joined"][0])
            row[column] = source[key]["joined"][0][column]
    return row


def _mean(values):
    if any(value is None or math.isnan(value) for value in values):
        return None
    return math.fsum(values) / len(values)
