"""The seed's app: wallets, escrows, transactions, and its function before and after the correction.

It keeps the seed's mistakes, those too that its correction left. Do not improve it: it is what is measured.
"""
