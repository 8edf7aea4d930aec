"""What is kept on disk: one module per subject, each with its SQL beside its question.

`driver` says what every store offers, `sqlite` is the one that exists, `writer` is the group commit
under it, `records` are the rows. Not here: what is decided about any of it (services).
"""
