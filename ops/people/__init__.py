"""Who may sign in to the page: the register of people, which `vitals users` changes."""
