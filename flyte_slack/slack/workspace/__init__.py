"""What is known of a workspace: its people, its channels, its history, the bot."""
