"""Plan one interaction: a camera frame, the mask of one object, a sentence. Run it in the checkout."""

from hoi_motion import read_image, read_mask
from tavid_planner import InteractionRequest, Planner, load_profile, save_plan

frame, mask = read_image("config/demo/frame.png"), read_mask("config/demo/mask.png")
request = InteractionRequest(frame, mask, "picks up the [TGT] orange can")
plan = Planner(load_profile("mini")).plan(request)
print(plan.verdict, *plan.reasons, sep="\n")
print("the object ends at", plan.motion.target.T_world_object[-1, :3, 3], "m")
save_plan(plan, "plans/from_python")
