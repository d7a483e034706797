"""The engine under the stories: who gets a campaign, what they get, and how it leaves."""
