"""What owners tell each other: spikes once per smallest delay, potentials at gap junctions, alarms."""
