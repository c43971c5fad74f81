"""The edge: connections, what may arrive on them and how long it may take, and how the process stops."""
