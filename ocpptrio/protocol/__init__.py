"""OCPP 1.6J between text and typed events, without I/O, clock or store, for either role.

Start with `conversation`: one connection as a state machine. It stands on `frames` (the JSON arrays
of OCPP-J), `actions` (the table of all messages, and encoding), `tolerance` (reading what the
strict decoders refuse, over `loose_json`), and the messages themselves: `datatypes`, then `core`,
`firmware`, `local_auth_list`, `remote_trigger`, `reservation`, `security` and `smart_charging`.
"""
