"""What is known of each charge point now: state, who is connected, and who watches."""
