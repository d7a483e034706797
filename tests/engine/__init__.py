"""The sending engine as it runs on a server: its own processes, its own database, a real mail server."""
