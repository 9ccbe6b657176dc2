"""What the two versions of the function share: the split of one escrow, and the seed's way to try again."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from finance.models import Escrow, UserWallet, WalletTransaction

COMMISSION_RATE = Decimal(settings.COMMISSION_RATE)
PROCESSOR_FEE_RATE = Decimal(settings.PROCESSOR_FEE_RATE)

# The rows of one bulk statement, whatever the length of the batch: the seed's constant.
RELEASE_ESCROW_BATCH_SIZE = 100

MAX_RETRIES = 3
RETRY_BASE_DELAY_S = 0.1

cents = Decimal("0.01")
logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")


def retry_db_operation(operation: Callable[[], Answer], name: str) -> Answer:
    """Tries again where a lock was in the way; like the seed's, inside the transaction that just failed."""
    for attempt in range(MAX_RETRIES):
        try:
            return operation()
        except OperationalError as error:
            if "lock" not in str(error).lower() or attempt == MAX_RETRIES - 1:
                raise
            logger.warning("%s: attempt %d failed, trying again", name, attempt + 1)
            time.sleep(RETRY_BASE_DELAY_S * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


@dataclass
class Prepared:
    """A batch, worked out in memory."""

    total_commission: Decimal
    total_fees: Decimal
    escrows: list[Escrow]
    transactions: list[WalletTransaction]


def prepare(
    escrows_batch: list[Escrow], wallet: UserWallet, commission_rate: Decimal, fee_rate: Decimal
) -> Prepared:
    """Marks escrows released, asking none whether it is LOCKED, and books commissions; the net nowhere."""
    prepared = Prepared(Decimal(0), Decimal(0), [], [])
    for escrow in escrows_batch:
        commission = (escrow.amount * commission_rate).quantize(cents, rounding=ROUND_HALF_UP)
        prepared.total_commission += commission
        prepared.total_fees += (escrow.amount * fee_rate).quantize(cents, rounding=ROUND_HALF_UP)
        escrow.status = "RELEASED"
        escrow.released_at = timezone.now()
        prepared.escrows.append(escrow)
        prepared.transactions.append(
            WalletTransaction(
                wallet=wallet,
                amount=commission,
                transaction_type="COMMISSION",
                related_project_id=escrow.project_id,
                description=f"Commission ({commission_rate * 100}%)",
            )
        )
    return prepared


def store(prepared: Prepared) -> None:
    fields = ["status", "released_at"]
    Escrow.objects.bulk_update(prepared.escrows, fields, batch_size=RELEASE_ESCROW_BATCH_SIZE)
    WalletTransaction.objects.bulk_create(prepared.transactions, batch_size=RELEASE_ESCROW_BATCH_SIZE)
