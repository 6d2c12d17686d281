# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: require_work
type: aggregate
short_description: Fail a run that did no work
description:
  - Ansible ends with 0 if a play matches no host, and if the tags select no task. Here both are errors (exit code 1).
  - The message names what selected the hosts, the group, C(--limit), and the regions and filters of an C(aws_ec2)
    inventory.
  - Warns of the hosts in the group C(left_out), which an inventory found but did not put into the group of the hosts.
requirements:
  - enabled by C(callbacks_enabled) in ansible.cfg
author: [Slipway (@slipway)]
"""

from typing import Any, NoReturn  # noqa: E402

from ansible import context  # noqa: E402
from ansible.plugins.callback import CallbackBase  # noqa: E402
from ansible.utils.display import Display  # noqa: E402
from ansible_collections.slipway.ops.plugins.plugin_utils.selection import described, left_out  # noqa: E402


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "slipway.ops.require_work"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.play: Any = None
        self.worked = False

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self.worked = False
        # Before a task that is tagged `always` connects to a host.
        if selection() and not any(selected(task) for play in playbook.get_plays() for task in static_tasks(play)):
            no_task_ran()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self.play = play
        for line in left_out(play.get_variable_manager().get_vars(play=play)):
            Display().warning(line)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        groups = self.play.get_variable_manager().get_vars(play=self.play)["groups"]
        fail(f"Play '{self.play.get_name()}' matched no host.\n{described(self.play.hosts, groups, context.CLIARGS)}")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self.worked = True

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self.worked = True

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self.worked or stats.failures or stats.dark:
            return
        no_task_ran()


def static_tasks(play: Any) -> list[Any]:
    """All but those that are about the run itself, such as the flush of handlers at the end of each play."""
    tasks = [task for block in play.compile() for task in block.get_tasks()]
    return [task for task in tasks if task.action not in ("meta", "ansible.builtin.meta")]


def selected(task: Any) -> bool:
    """By its own tags: `always` selects a task whatever the options name."""
    only, skipped = context.CLIARGS["tags"], context.CLIARGS["skip_tags"]
    if not task.evaluate_tags(only, skipped, all_vars={}):
        return False
    others = set(task.tags) - {"always"} if set(skipped).isdisjoint({"all", "tagged"}) else set()
    return "always" not in task.tags or bool(others if "all" in only else others & set(only))


def no_task_ran() -> NoReturn:
    cause = f"{selection()} selected none" if selection() else "the playbook has none"
    fail(f"No task ran: {cause}.\nThe tasks and their tags: the same command with --list-tasks")


def selection() -> str:
    """The options that leave tasks out."""
    given = {name: context.CLIARGS[name] for name in ("tags", "skip_tags", "start_at_task")}
    if given["tags"] and tuple(given["tags"]) == ("all",):
        del given["tags"]
    options = {
        name: value if isinstance(value, str) else ",".join(sorted(value)) for name, value in given.items() if value
    }
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in options.items())


def fail(message: str) -> NoReturn:
    # An exception of any other kind from a callback is only a warning to Ansible.
    Display().error(message, wrap_text=False)
    raise SystemExit(1)
