"""The seed's tables, with what they lack: a CHECK, a single commission wallet, a transaction's escrow."""

from decimal import Decimal

from django.conf import settings
from django.db import models


class Project(models.Model):
    """A campaign that escrows belong to."""

    title = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)


class UserWallet(models.Model):
    """A user's money. The one without a user is the platform's, where commissions go."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE)
    balance = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0.00"))
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class Escrow(models.Model):
    """An amount locked for a project."""

    STATUSES = [("LOCKED", "locked"), ("RELEASED", "released"), ("REFUNDED", "refunded")]

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.CharField(max_length=10, choices=STATUSES, default="LOCKED", db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    released_at = models.DateTimeField(null=True)


class WalletTransaction(models.Model):
    """What moved in or out of a wallet."""

    wallet = models.ForeignKey(UserWallet, on_delete=models.CASCADE)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    transaction_type = models.CharField(max_length=20, db_index=True)
    related_project = models.ForeignKey(Project, null=True, on_delete=models.SET_NULL)
    description = models.TextField(blank=True)
    idempotency_key = models.UUIDField(null=True, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
