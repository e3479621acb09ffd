"""The one registry of what can be done: it feeds the bindings, the line of keys, the palette and the help.

`ACTIONS` holds what there is, with the keys it has by default; `Actions` is the same with the keys that are in force.
"""

from mqi_tui.ui.actions.action import Action, Pane, Scope, shown_key
from mqi_tui.ui.actions.registry import Actions, bindings_of
from mqi_tui.ui.actions.table import ACTIONS

__all__ = ["ACTIONS", "Action", "Actions", "Pane", "Scope", "bindings_of", "shown_key"]
