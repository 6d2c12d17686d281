"""What a budget was made with can be read back: DescribeSubscribersForNotification, ListTagsForResource.

moto keeps the subscribers and has no action that shows them, and it has no tags of budgets, so Terraform waits for both
until it gives up.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_DescribeSubscribersForNotification.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.budgets import exceptions, models, responses


def same(asked: dict[str, Any], known: dict[str, Any]) -> bool:
    """Whether both mean the same notification; a state is no part of its identity."""

    def identity(it: dict[str, Any]) -> tuple[Any, ...]:
        return (
            it.get("NotificationType"),
            it.get("ComparisonOperator"),
            float(it.get("Threshold", 0)),
            it.get("ThresholdType", "PERCENTAGE"),
        )

    return identity(asked) == identity(known)


def apply() -> None:
    def describe(self: Any) -> str:
        budget = self.backend.budgets[self._get_param("AccountId")].get(self._get_param("BudgetName"))
        asked = self._get_param("Notification")
        for it in budget.notifications if budget else []:
            if same(asked, it.details):
                return json.dumps({"Subscribers": it.subscribers})
        raise exceptions.NotFoundException("Unable to get subscribers - the notification doesn't exist.")

    def delete(self: Any, details: dict[str, Any]) -> None:
        self.notifications = [it for it in self.notifications if not same(details, it.details)]

    create = responses.BudgetsResponse.create_budget

    def create_with_tags(self: Any) -> str:
        made: str = create(self)
        name = self._get_param("Budget")["BudgetName"]
        budget = self.backend.budgets[self._get_param("AccountId")][name]
        budget.tags = {it["Key"]: it["Value"] for it in self._get_param("ResourceTags") or []}
        return made

    def tagged(self: Any) -> Any:
        """By ARN: arn:aws:budgets::ACCOUNT:budget/NAME."""
        arn = self._get_param("ResourceARN").split(":")
        budget = self.backend.budgets[arn[4]].get(arn[5].removeprefix("budget/"))
        if budget is None:
            raise exceptions.NotFoundException(f"Unable to get budget: {arn[5]} - the budget doesn't exist.")
        return budget

    def tags(self: Any) -> str:
        known = getattr(tagged(self), "tags", {})
        return json.dumps({"ResourceTags": [{"Key": k, "Value": v} for k, v in known.items()]})

    def tag(self: Any) -> str:
        budget = tagged(self)
        added = {it["Key"]: it["Value"] for it in self._get_param("ResourceTags")}
        budget.tags = getattr(budget, "tags", {}) | added
        return json.dumps({})

    def untag(self: Any) -> str:
        budget, keys = tagged(self), self._get_param("ResourceTagKeys")
        budget.tags = {k: v for k, v in getattr(budget, "tags", {}).items() if k not in keys}
        return json.dumps({})

    responses.BudgetsResponse.create_budget = create_with_tags
    responses.BudgetsResponse.list_tags_for_resource = tags
    responses.BudgetsResponse.tag_resource = tag
    responses.BudgetsResponse.untag_resource = untag
    responses.BudgetsResponse.describe_subscribers_for_notification = describe
    models.Budget.delete_notification = delete
