"""How long a test waits for a process or a thread before it says that it hangs."""

# Seconds. Starting a framework takes six of an idle processor, and ten times as long on a machine
# that has much else to do; a test that passes waits for none of this.
DEADLINE = 600
