"""Human-object motion to robot joint motion."""
