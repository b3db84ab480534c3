"""The ROS 2 side: a lifecycle node, message conversions and a client. Nothing else imports rclpy."""
