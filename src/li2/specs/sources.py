"""Where the values of a specification come from: KEY=VALUE words and TOML or YAML files."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from li2.errors import Li2Error
from li2.specs.keys import KEYS, Key
from li2.specs.names import unknown_name


def read_overrides(words: Iterable[str], keys: Mapping[str, Key] = KEYS) -> dict[str, str]:
    """The values of ``KEY=VALUE`` words, unchecked texts; the last of a repeated key counts.

    Raises:
        Li2Error: if a word has no ``=`` or its key is unknown.
    """
    values = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator:
            raise Li2Error(f"{word!r} is not of the form KEY=VALUE, such as width=512.")
        if name not in keys:
            raise Li2Error(unknown_name("key", name, keys))
        values[name] = value
    return values


def read_config(path: Path, keys: Collection[str] = KEYS) -> dict[str, Any]:
    """The values of a TOML or YAML file of keys, unchecked.

    Raises:
        Li2Error: if the file cannot be read or is not a flat table of known keys.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            values = tomllib.loads(text)
        elif path.suffix in (".yaml", ".yml"):
            values = yaml.load(text, Loader=yaml.BaseLoader) or {}  # texts only: "off" stays "off", 1e-4 a number
        else:
            raise Li2Error(f"{path} is neither .toml nor .yaml; a configuration file must be one of them.")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Li2Error(f"cannot read the configuration file {path}: {reason}.") from error
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise Li2Error(f"{path} is not valid {path.suffix[1:].upper()}: {reason}.") from error
    if not isinstance(values, dict):
        raise Li2Error(f"{path} must hold KEY: VALUE pairs, not a {type(values).__name__}.")
    for name in values:
        if name not in keys:
            raise Li2Error(f"{path}: {unknown_name('key', str(name), keys)}")
    return values
