"""The function before its correction: the wallet is read, added to and saved back, in no transaction."""

from decimal import ROUND_HALF_UP, Decimal

from finance.common import COMMISSION_RATE, PROCESSOR_FEE_RATE, cents, prepare, retry_db_operation, store
from finance.models import Escrow, UserWallet


def _release_escrows_batch(
    escrows_batch: list[Escrow], commission_rate: Decimal, fee_rate: Decimal
) -> tuple[Decimal, Decimal]:
    commission_wallet, _ = retry_db_operation(
        lambda: UserWallet.objects.get_or_create(user=None), "the commission wallet"
    )
    prepared = prepare(escrows_batch, commission_wallet, commission_rate, fee_rate)
    store(prepared)
    commission_wallet.balance = (commission_wallet.balance + prepared.total_commission).quantize(
        cents, rounding=ROUND_HALF_UP
    )
    commission_wallet.save()
    return prepared.total_commission, prepared.total_fees


def release(ids: list[int]) -> None:
    """Releases one batch."""
    _release_escrows_batch(list(Escrow.objects.filter(id__in=ids)), COMMISSION_RATE, PROCESSOR_FEE_RATE)
