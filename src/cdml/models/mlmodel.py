"""A model in a folder: its MLmodel file is read as foreign text, the model is never loaded."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from cdml.config.class_labels import Class
from cdml.config.input_columns import Unnamed
from cdml.errors import InputError

_MAX_BYTES = 16 * 1024 * 1024
CLASS_KEYS = ("label_list", "classes", "class_names")
"""Keys of a model's metadata under which its classes stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MlModel:
    """What a model says of itself.

    `inputs` is None without a signature of named columns, `required` are those that must be there,
    `types` MLflow's names of theirs ("" where it names none); `unnamed` are those of a signature
    that only counts them. `loader` is the module that loads it, `mlflow` the version that saved it,
    `run` the tracking run that logged it. `outputs` are the columns it answers, `classes` those of
    its metadata in the order of their probabilities; empty where it names none.
    """

    inputs: tuple[str, ...] | None
    required: tuple[str, ...]
    types: tuple[str, ...]
    loader: str
    mlflow: str | None
    run: str | None = None
    outputs: tuple[str, ...] = ()
    classes: tuple[Class, ...] = ()
    unnamed: Unnamed | None = None


def local_model(uri: str) -> Path | None:
    """The folder a URI names, or None where it is an address of a registry.

    Raises:
        InputError: it is a path, but no model lies there; or an unknown scheme.
    """
    match = re.match(r"([a-zA-Z][\w+.-]+):", uri)
    scheme = match[1].lower() if match else ""
    if scheme in ("models", "runs"):
        return None
    if scheme not in ("", "file"):
        raise InputError(
            f"{uri} is not the address of a model.",
            "Use models:/name/3, models:/name@alias, runs:/<run>/<path>, or a folder.",
        )
    folder = Path(unquote(urlsplit(uri).path)) if scheme else Path(uri)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder.",
            "Use a folder that contains MLmodel, or an address such as models:/name/3.",
        )
    return require_model(folder)


def require_model(folder: Path) -> Path:
    """The folder itself, if it holds a model, or an InputError."""
    if not (folder / "MLmodel").is_file():
        raise InputError(f"{folder} has no MLmodel file.", "Use a model folder that MLflow saved.")
    return folder


def read_mlmodel(folder: Path) -> MlModel:
    """Read the MLmodel file.

    Raises:
        InputError: it is missing, is not what MLflow writes, or has no Python function.
    """
    path = folder / "MLmodel"
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is larger than {_MAX_BYTES // 2**20} MiB.")
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        flavour = document["flavors"]["python_function"]
        inputs = _listed(document.get("signature"), "inputs")
        columns = _columns(inputs)
        return MlModel(
            inputs=None if columns is None else tuple(columns),
            required=tuple(name for name, (required, _) in (columns or {}).items() if required),
            types=tuple(kind for _, kind in (columns or {}).values()),
            loader=str(flavour["loader_module"]),
            mlflow=str(document["mlflow_version"]) if document.get("mlflow_version") else None,
            run=str(document["run_id"]) if document.get("run_id") else None,
            outputs=_output_names(document.get("signature")),
            classes=_classes(document.get("metadata")),
            unnamed=_unnamed(inputs) if columns is None else None,
        )
    except FileNotFoundError as error:
        raise InputError(f"{folder} has no MLmodel file.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise InputError(
            f"{path} describes no model that Python can load: it has no python_function.",
            "Save the model with a flavour that has one, such as mlflow.sklearn.",
        ) from error


def _listed(signature: Any, side: str) -> list[Any]:
    return list(json.loads(signature[side])) if signature and signature.get(side) else []


def _columns(inputs: list[dict[str, Any]]) -> dict[str, tuple[bool, str]] | None:
    """Named input columns, whether each is required, and its type."""
    named = {
        str(column["name"]): (bool(column.get("required", True)), _type(column))
        for column in inputs
        if column.get("name") is not None
    }
    return named if named and len(named) == len(inputs) else None


def _output_names(signature: Any) -> tuple[str, ...]:
    outputs = _listed(signature, "outputs")
    names = [column.get("name") for column in outputs if isinstance(column, dict)]
    strings = tuple(name for name in names if isinstance(name, str))
    return strings if len(strings) == len(outputs) else ()


def _classes(metadata: Any) -> tuple[Class, ...]:
    for key in CLASS_KEYS if isinstance(metadata, dict) else ():
        classes = metadata.get(key)
        if isinstance(classes, list) and all(
            isinstance(one, bool | int | float | str) for one in classes
        ):
            return tuple(classes)
    return ()


def _unnamed(inputs: list[dict[str, Any]]) -> Unnamed | None:
    if not inputs:
        return None
    types = tuple(map(_type, inputs))
    tensor = inputs[0].get("tensor-spec")
    if tensor is None:
        return Unnamed(types=types)
    return Unnamed(types=types[:1], shape=tuple(map(int, tensor.get("shape", ()))))


def _type(column: dict[str, Any]) -> str:
    """`double`, `array(double)`; of a tensor numpy's name, such as `float64`, or `any`."""
    kind, tensor = str(column.get("type", "")), column.get("tensor-spec")
    if tensor is not None:
        return "any" if tensor["dtype"] == "object" else str(tensor["dtype"])
    items = column.get("items")
    return f"array({_type(items)})" if kind == "array" and isinstance(items, dict) else kind
