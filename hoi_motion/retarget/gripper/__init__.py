"""What a gripper can hold, and where between its fingers, found from the shapes in the robot's file."""
