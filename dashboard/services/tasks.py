"""The diagnostic tasks: their classes, their words and on whom their models were trained."""

from meddef_core.tasks import TASKS, Task, get_task

__all__ = ["TASKS", "Task", "get_task"]
