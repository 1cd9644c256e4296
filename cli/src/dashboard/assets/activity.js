// Activity: new lines as they come.
