"""How the package's annotations are checked while tests run; see ``pyproject.toml``."""

from typing import Any, Self

from beartype import BeartypeConf, FrozenDict, beartype

# beartype cannot resolve Self in a method that it is handed without its class, as jaxtyping does.
checked = beartype(conf=BeartypeConf(hint_overrides=FrozenDict({Self: Any})))
