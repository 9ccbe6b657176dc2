"""The function after its correction: `F()` and `transaction.atomic`, called with its locks and retries."""

import time
from decimal import ROUND_HALF_UP, Decimal

from django.db import OperationalError, transaction
from django.db.models import F

from finance.common import (
    COMMISSION_RATE,
    MAX_RETRIES,
    PROCESSOR_FEE_RATE,
    RETRY_BASE_DELAY_S,
    cents,
    logger,
    prepare,
    retry_db_operation,
    store,
)
from finance.models import Escrow, UserWallet


@transaction.atomic
def _release_escrows_batch(
    escrows_batch: list[Escrow], commission_rate: Decimal, fee_rate: Decimal
) -> tuple[Decimal, Decimal]:
    commission_wallet, _ = retry_db_operation(
        lambda: UserWallet.objects.get_or_create(user=None), "the commission wallet"
    )
    prepared = prepare(escrows_batch, commission_wallet, commission_rate, fee_rate)
    store(prepared)
    if prepared.total_commission > Decimal("0"):
        total_commission_quantized = prepared.total_commission.quantize(cents, rounding=ROUND_HALF_UP)
        UserWallet.objects.filter(id=commission_wallet.id).update(
            balance=F("balance") + total_commission_quantized
        )
    return prepared.total_commission, prepared.total_fees


@transaction.atomic
def release(ids: list[int]) -> None:
    """Releases one batch as the close does: locked in no order, tried again inside the failed transaction."""
    for attempt in range(MAX_RETRIES):
        try:
            locked_escrows = list(Escrow.objects.filter(id__in=ids).select_for_update())
            _release_escrows_batch(locked_escrows, COMMISSION_RATE, PROCESSOR_FEE_RATE)
            return
        except OperationalError as error:
            if "deadlock" not in str(error).lower() or attempt == MAX_RETRIES - 1:
                raise
            logger.warning("a deadlock: attempt %d failed, trying again", attempt + 1)
            time.sleep(RETRY_BASE_DELAY_S * 2**attempt)
