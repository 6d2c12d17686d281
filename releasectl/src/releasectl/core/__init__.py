"""Pure core: values, planning and the state machine. No clock, no I/O, no environment."""
