"""Monitors: figures over many calls, with a threshold each; an alarm is raised where one is crossed, and cleared."""
