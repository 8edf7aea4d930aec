"""What a central system decides, one module per subject; each rule names its clause.

A handler takes a CALL and returns its response (`Handler` in incoming). It never refuses a
transaction-related message for a reason of business, and never answers before what it answers for
is on disk.
"""
