"""The names of the phases, as journals, events and results have them."""

PULL, START, GATE, SWITCH, DRAIN, RECORD, STANDBY = "pull", "start", "gate", "switch", "drain", "record", "standby"
STOP, CANARY, BAKE, UNDO = "stop", "canary", "bake", "undo"
