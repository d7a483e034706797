"""Who may do what with a campaign: compose, approve, send are three permissions (P4)."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from wagtail.permission_policies import ModelPermissionPolicy

from ..models import Campaign, SendStatus


class CampaignPermissionPolicy(ModelPermissionPolicy):
    """A campaign that was sent is a record: nobody deletes it."""

    def user_has_permission_for_instance(
        self, user: AbstractBaseUser, action: str, instance: Campaign
    ) -> bool:
        if action == "delete" and instance.send_status != SendStatus.DRAFT:
            return False
        return super().user_has_permission_for_instance(user, action, instance)


campaign_policy = CampaignPermissionPolicy(Campaign)


def refuse_to_delete_sent_campaigns(instances: list[object]) -> None:
    """Wagtail's delete page asks for the model's permission alone, and not for this campaign's."""
    for instance in instances:
        if isinstance(instance, Campaign) and instance.send_status != SendStatus.DRAFT:
            raise PermissionDenied
