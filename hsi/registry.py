"""Backends by setting: a short name or a dotted path becomes one shared object per process.

`Registry` declares the allowed names of a setting. `get` creates the object on first use and keeps it. A changed
setting (Django's `override_settings` in tests) drops the objects.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string


@dataclass(slots=True)
class Registry:
    """The backends of one setting.

    `names` maps short names to dotted paths of a class or factory. `auto` returns the short name that the value `auto`
    stands for at this moment. `depends` names the other settings whose change requires a new object.
    """

    setting: str
    names: dict[str, str]
    auto: Callable[[], str]
    depends: tuple[str, ...] = ()
    _made: dict[tuple[str, ...], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        setting_changed.connect(self._on_setting_changed, weak=False, dispatch_uid=f"backend-{self.setting}")

    def chosen(self) -> str:
        """Return the short name or dotted path in effect, with `auto` resolved."""
        name: str = getattr(settings, self.setting)
        return self.auto() if name == "auto" else name

    def get(self, *arguments: str) -> Any:
        """Return the backend object for `arguments`. Raise ImportError if the setting names nothing that exists."""
        key = (self.chosen(), *arguments)
        with self._lock:
            if key not in self._made:
                self._made[key] = self.load(key[0])(*arguments)
            return self._made[key]

    def load(self, name: str) -> Callable[..., Any]:
        """Return the class or factory of `name`."""
        factory: Callable[..., Any] = import_string(self.names.get(name, name))
        return factory

    def close(self) -> None:
        """Close and drop every object."""
        with self._lock:
            made, self._made = list(self._made.values()), {}
        for one in made:
            if hasattr(one, "close"):
                one.close()

    def _on_setting_changed(self, *, setting: str, **_: Any) -> None:
        if setting == self.setting or setting in self.depends:
            self.close()
