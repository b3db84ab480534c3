import numpy as np

from training.scenes.drawing import Props, Stage, creased_mesh
from training.scenes.figure import sample_figure
from training.scenes.layout import sample_layout
from training.scenes.objects import box_mesh
from training.scenes.scene import generate_scene


def test_plate_and_movers_give_the_pixels_of_a_full_drawing(sample, body):
    rng = np.random.default_rng(0)
    figure = sample_figure(body, rng)
    layout = sample_layout(rng, figure.height_m, 2, 1)
    stage = Stage(Props(layout), sample.motion.camera, 2, 0)
    transforms = figure.body.joint_transforms(sample.motion.pose_rad, sample.motion.transl_m)
    surface = figure.body.vertices(transforms[-1])
    lifted = layout.objects[0].T_world.copy()
    lifted[2, 3] += 0.1
    frames, ids, depth = stage.film(figure, [surface], 0, lifted[None])
    full = stage.full_frame(figure, surface, [lifted, *(o.T_world for o in layout.objects[1:])])
    assert np.array_equal(frames[0], full[0]) and np.array_equal(ids[0], full[1]) and np.array_equal(depth[0], full[2])


def test_only_what_moves_changes_the_picture():
    sample = generate_scene(1_000_000, 48, 72, 9, num_candidates=2)
    background = (sample.instance_ids == 0).all(0)
    change = np.abs(np.diff(sample.frames.astype(int), axis=0)).max((0, 3))
    assert change[background].mean() < 6  # shadows only
    assert np.array_equal(sample.frames[0], sample.frames[1]) or change[~background].max() > 30


def test_box_keeps_flat_faces():
    vertices, faces = box_mesh(np.array([0.1, 0.2, 0.3]))
    mesh = creased_mesh(vertices, faces, np.ones(3), 2)
    corners = mesh.vertices_m[mesh.faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    assert np.allclose(mesh.normals.reshape(-1, 3, 3), flat[:, None], atol=1e-5)
    assert (flat * (corners.mean(1) - vertices.mean(0))).sum(1).min() > 0  # outwards
