import numpy as np
import pytest

from training.scenes.rasteriser import GBuffer, Mesh, View, draw, draw_room, resolve, vertex_normals

HEIGHT = 24
WIDTH = 32
K = np.array([[30.0, 0, 15.5], [0, 30.0, 11.5], [0, 0, 1]])


def random_mesh(seed, triangles=12, instance=3):
    rng = np.random.default_rng(seed)
    vertices = rng.uniform([-1, -0.8, 1.5], [1, 0.8, 4], (3 * triangles, 3)).astype(np.float32)
    faces = np.arange(3 * triangles, dtype=np.int32).reshape(-1, 3)
    albedo = rng.random((3 * triangles, 3)).astype(np.float32)
    return Mesh(vertices, faces, vertex_normals(vertices, faces), albedo, instance)


def reference(mesh, cull):
    """Every pixel's ray against every triangle (Moeller-Trumbore), the plain way."""
    depth = np.full((HEIGHT, WIDTH), np.inf)
    colour = np.zeros((HEIGHT, WIDTH, 3))
    for i in range(HEIGHT):
        for j in range(WIDTH):
            ray = np.linalg.inv(K) @ [j, i, 1]
            for a, b, c in mesh.faces:
                origin, e1, e2 = (mesh.vertices_m[k].astype(float) for k in (a, b, c))
                e1, e2 = e1 - origin, e2 - origin
                p = np.cross(ray, e2)
                det = e1 @ p
                if cull and det < 0:
                    continue
                u = -origin @ p / det
                q = np.cross(-origin, e1)
                v, z = ray @ q / det, e2 @ q / det
                if u >= 0 and v >= 0 and u + v <= 1 and 0 < z < depth[i, j]:
                    depth[i, j] = z
                    colour[i, j] = (1 - u - v) * mesh.albedo[a] + u * mesh.albedo[b] + v * mesh.albedo[c]
    return depth, colour


@pytest.mark.parametrize("cull", [False, True])
def test_equals_ray_casting(cull):
    mesh = random_mesh(0)
    buffer, view = GBuffer.empty(HEIGHT, WIDTH), View(K, np.eye(4), HEIGHT, WIDTH)
    draw(buffer, view, mesh, cull)
    depth, colour = reference(mesh, cull)
    hit = np.isfinite(depth)
    assert hit.mean() > 0.2
    agree = np.isclose(buffer.depth_m, depth, rtol=1e-4) | (~hit & ~np.isfinite(buffer.depth_m))
    assert agree.mean() > 0.995  # float32 corners move a few edge pixels
    both = agree & hit
    assert np.abs(buffer.surface[both, :3] - colour[both]).max() < 1e-3
    assert np.array_equal(buffer.instance > 0, np.isfinite(buffer.depth_m))


def test_order_of_drawing_does_not_matter():
    first, second = random_mesh(1, instance=2), random_mesh(2, instance=5)
    buffers = []
    for order in ((first, second), (second, first)):
        buffer = GBuffer.empty(HEIGHT, WIDTH)
        for mesh in order:
            draw(buffer, View(K, np.eye(4), HEIGHT, WIDTH), mesh, cull=False)
        buffers.append(buffer)
    assert np.array_equal(buffers[0].instance, buffers[1].instance)
    assert np.array_equal(buffers[0].surface, buffers[1].surface)


def test_supersampling_does_not_shift_the_picture():
    view = View.supersampled(K, np.eye(4), HEIGHT, WIDTH, 2)
    samples = view.project(np.array([[0.3, -0.2, 2.0]]))[0, :2]
    pixel = View(K, np.eye(4), HEIGHT, WIDTH).project(np.array([[0.3, -0.2, 2.0]]))[0, :2]
    assert np.allclose((samples - 0.5) / 2, pixel, atol=1e-4)


def test_room_surrounds_the_camera():
    buffer, view = GBuffer.empty(HEIGHT, WIDTH), View(K, np.eye(4), HEIGHT, WIDTH)
    draw_room(buffer, view, [-2, -2, -2], [2, 2, 3], np.ones((6, 3)))
    assert np.isfinite(buffer.depth_m).all() and (buffer.instance == 0).all()
    assert buffer.depth_m[11, 15] == pytest.approx(3)


def test_resolve_takes_the_most_frequent_instance_and_the_nearer_of_two():
    buffer = GBuffer.empty(2, 4)
    buffer.instance[:] = [[1, 1, 4, 4], [1, 2, 7, 7]]
    buffer.depth_m[:] = [[1, 1, 3, 3], [1, 0.5, 2, 2]]
    _, ids, depth = resolve(np.zeros((2, 4, 3), np.float32), buffer, 2)
    assert ids.tolist() == [[1, 7]] and depth.tolist() == [[1, 2]]
