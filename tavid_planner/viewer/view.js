// The plan in 3D: person or robot, object and contacts, in step with the videos beside it.
// Packed data stands in <script type="text/plain" data-packed="NAME"> elements: gzip in base64.
(async () => {
  "use strict";
  const HOLD_S = 0.8; // at the end, before it starts again
  const GHOST = 0.28; // how much of the person is seen beside a robot
  const FRAME_SPARE = 0.1; // of a frame: what begins within it is shown
  const LIFT = 0.004; // of the grid over the floor, metres
  const card = document.querySelector(".view");
  const facts = JSON.parse(card.dataset.facts);
  const part = (name) => card.querySelector(`.${name}`);
  const clips = [...card.querySelectorAll("video")];

  async function unpacked(name) {
    const text = document.querySelector(`script[data-packed="${name}"]`).textContent;
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
  }

  const library = document.createElement("script");
  library.textContent = await (await unpacked("three")).text();
  document.head.append(library);
  const THREE = window.THREE;

  let renderer;
  try {
    renderer = new THREE.WebGLRenderer({ canvas: part("canvas"), antialias: true, preserveDrawingBuffer: true });
  } catch (error) {
    part("note").textContent = "This browser shows no 3D (it has no WebGL); the videos say the same.";
    card.dataset.state = "no-webgl";
    return;
  }
  renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
  renderer.shadowMap.enabled = true;
  renderer.shadowMap.type = THREE.PCFShadowMap;

  const scene = new THREE.Scene();
  const paper = new THREE.Color(0xeef1f6);
  scene.background = paper;
  scene.fog = new THREE.Fog(paper, 5, 14);
  scene.add(new THREE.HemisphereLight(0xffffff, 0xcfcac0, 1.75));
  const sun = new THREE.DirectionalLight(0xffffff, 1.9);
  sun.castShadow = true;
  sun.shadow.mapSize.set(2048, 2048);
  sun.shadow.radius = 5;
  sun.shadow.bias = -0.0005;
  sun.shadow.normalBias = 0.01;
  for (const [side, sign] of Object.entries({ left: -1, right: 1, bottom: -1, top: 1 }))
    sun.shadow.camera[side] = 3 * sign;
  const fill = new THREE.DirectionalLight(0xdfe8ff, 0.5);
  scene.add(sun, sun.target, fill);
  addFloor();

  const camera = new THREE.PerspectiveCamera(35, 1, 0.05, 60);
  const controls = new THREE.OrbitControls(camera, part("canvas"));
  controls.enableDamping = true;
  controls.maxPolarAngle = Math.PI * 0.495;
  controls.minDistance = 0.3;
  controls.maxDistance = 9;

  const takes = { person: await take("person") };
  if (facts.robot) takes.robot = await take("robot");
  const halos = addHalos();
  const veil = addVeil();
  let mode = facts.robot ? "robot" : "person";
  let playing = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  let now = 0;
  let before = null;
  let flight = null;

  wire();
  choose(mode);
  look("side", false);
  new ResizeObserver(resize).observe(part("stage"));
  resize();
  requestAnimationFrame(tick);
  card.dataset.state = "ready";

  // ours is z up, three.js is y up
  function turned([x, y, z]) {
    return new THREE.Vector3(x, z, -y);
  }

  // by the file's own name: three.js takes spaces and dots out of its own
  function find(root, name) {
    let found = null;
    root.traverse((node) => {
      if (found === null && (node.userData.name ?? node.name) === name) found = node;
    });
    return found;
  }

  function addFloor() {
    const floor = new THREE.Mesh(
      new THREE.CircleGeometry(14, 64),
      new THREE.MeshStandardMaterial({ color: 0xf3f4f6, roughness: 1 }),
    );
    floor.rotation.x = -Math.PI / 2;
    floor.receiveShadow = true;
    const corners = [];
    for (let k = -14; k <= 14; k++)
      corners.push(
        new THREE.Vector3(k / 2, LIFT, -7), new THREE.Vector3(k / 2, LIFT, 7),
        new THREE.Vector3(-7, LIFT, k / 2), new THREE.Vector3(7, LIFT, k / 2),
      );
    const lines = new THREE.BufferGeometry().setFromPoints(corners);
    scene.add(floor, new THREE.LineSegments(lines, new THREE.LineBasicMaterial({ color: 0xd5dae3 })));
  }

  async function take(name) {
    const gltf = await new THREE.GLTFLoader().parseAsync(await (await unpacked(name)).arrayBuffer(), "");
    const root = gltf.scene;
    const mixer = new THREE.AnimationMixer(root);
    const clip = gltf.animations[0];
    if (clip) mixer.clipAction(clip).play();
    const last = clip ? clip.duration : 0;
    root.traverse((node) => {
      if (!node.isMesh) return;
      node.castShadow = node.receiveShadow = true;
      node.frustumCulled = false; // a skinned body leaves the box of its rest pose
    });
    const floor = find(root, "floor");
    if (floor) floor.visible = false;
    scene.add(root);
    const extras = gltf.asset.extras || {};
    const made = { root, mixer, last, sourceS: extras.source_time_s, fps: extras.fps || facts.fps, toScale: extras.to_scale };
    const path = targetPath(made);
    if (path) root.add(path);
    return made;
  }

  // where the target goes, as a line
  function targetPath(made) {
    const target = facts.target && find(made.root, facts.target);
    if (!target) return null;
    target.geometry.computeBoundingBox();
    const middle = target.geometry.boundingBox.getCenter(new THREE.Vector3());
    const points = [];
    for (let t = 0; t <= made.last; t += 1 / made.fps) {
      show(made, t);
      points.push(target.localToWorld(middle.clone()));
    }
    const line = new THREE.BufferGeometry().setFromPoints(points);
    return new THREE.Line(line, new THREE.LineBasicMaterial({ color: 0xd9652b, transparent: true, opacity: 0.7 }));
  }

  // a glow about a hand that touches
  function addHalos() {
    return facts.contacts.map(({ bone, from_s, to_s }) => {
      const glow = new THREE.MeshBasicMaterial({ color: 0xff8a1e, transparent: true, opacity: 0.3, depthWrite: false });
      const halo = new THREE.Mesh(new THREE.SphereGeometry(0.06, 24, 16), glow);
      const hand = find(takes.person.root, bone);
      if (hand) hand.add(halo);
      return { halo, from_s, to_s };
    });
  }

  // what of a ghost is seen first hides the rest of it: nobody should look into its head
  function addVeil() {
    const body = find(takes.person.root, "body");
    const veil = body.clone();
    veil.material = new THREE.MeshBasicMaterial({ colorWrite: false, transparent: true });
    veil.castShadow = veil.receiveShadow = veil.userData.name = false;
    veil.name = "veil";
    [veil.renderOrder, body.renderOrder] = [1, 2];
    body.parent.add(veil);
    return veil;
  }

  function show(made, t) {
    made.mixer.setTime(Math.max(0, Math.min(t, made.last - 1e-4)));
    made.root.updateMatrixWorld(true);
  }

  function choose(name) {
    mode = name;
    const withRobot = mode === "robot";
    if (takes.robot) takes.robot.root.visible = withRobot;
    const ghost = withRobot && takes.robot.toScale && part("ghost").checked;
    takes.person.root.visible = !withRobot || ghost;
    takes.person.root.traverse((node) => {
      if (!node.isMesh && !node.isLine) return;
      if (node.name === "floor" || halos.some(({ halo }) => halo === node)) return;
      if (node === veil) node.visible = withRobot;
      else if (node.isSkinnedMesh) {
        node.material.transparent = withRobot;
        node.material.opacity = withRobot ? GHOST : 1;
        node.material.needsUpdate = true;
        node.castShadow = !withRobot;
      } else node.visible = !withRobot; // the robot's scene has objects of its own
    });
    card.querySelectorAll(".modes button").forEach((b) => b.setAttribute("aria-pressed", b.value === mode));
    part("with-ghost").hidden = !(withRobot && takes.robot.toScale);
    now = Math.min(now, length());
    part("slider").max = length().toFixed(3);
    drawTouches();
    step(0);
  }

  function drawTouches() {
    const whole = length();
    part("touches").replaceChildren(
      ...facts.contacts.map(({ bone, from_s, to_s }) => {
        const mark = document.createElement("i");
        const [a, b] = [from_s, to_s].map((s) => Math.min(1, timeOf(s) / whole));
        mark.style.left = `${100 * a}%`;
        mark.style.width = `${100 * (b - a)}%`;
        mark.title = `${bone.startsWith("left") ? "left" : "right"} hand touches`;
        return mark;
      }),
    );
  }

  function length() {
    return mode === "robot" ? takes.robot.sourceS.length / takes.robot.fps : facts.frames / facts.fps;
  }

  // the person's time at a moment of the slider, and back
  function sourceTime(t) {
    if (mode !== "robot") return t;
    const times = takes.robot.sourceS;
    const k = Math.min(times.length - 1, Math.max(0, t * takes.robot.fps));
    const i = Math.floor(k);
    return times[i] + (k - i) * ((times[i + 1] ?? times[i]) - times[i]);
  }

  function timeOf(source) {
    if (mode !== "robot") return source;
    const k = takes.robot.sourceS.findIndex((s) => s >= source);
    return (k < 0 ? takes.robot.sourceS.length : k) / takes.robot.fps;
  }

  function step(seconds) {
    now += seconds * Number(part("speed").value);
    if (now > length() + HOLD_S) now = 0;
    const t = Math.min(now, length());
    const source = sourceTime(t);
    const frame = Math.min(facts.frames - 1, Math.floor(source * facts.fps + FRAME_SPARE));
    show(takes.person, source);
    if (mode === "robot") show(takes.robot, t);
    const last = (facts.frames - 1) / facts.fps;
    for (const { halo, from_s, to_s } of halos) halo.visible = source >= from_s && Math.min(source, last) < to_s;
    // the middle of the frame: its edge may be rounded to the one before
    for (const clip of clips) {
      const at = (frame + 0.5) / facts.fps;
      if (clip.readyState > 0 && Math.abs(clip.currentTime - at) > 0.25 / facts.fps) clip.currentTime = at;
    }
    part("slider").value = t;
    part("time").textContent = `${t.toFixed(1)} / ${length().toFixed(1)} s`;
    part("play").textContent = playing ? "\u275a\u275a" : "\u25b6";
    part("play").setAttribute("aria-label", playing ? "pause" : "play");
    Object.assign(card.dataset, { frame, mode, time: t.toFixed(3) });
  }

  function tick(stamp) {
    const seconds = before === null ? 0 : Math.min(0.1, (stamp - before) / 1000);
    before = stamp;
    // behind another tab of the page nobody looks
    if (!part("stage").clientWidth) {
      requestAnimationFrame(tick);
      return;
    }
    if (playing || clips.some((clip) => clip.readyState > 0 && !clip.dataset.met)) {
      clips.forEach((clip) => (clip.dataset.met = clip.readyState > 0 ? "1" : ""));
      step(playing ? seconds : 0);
    }
    if (flight) fly(seconds);
    controls.update();
    renderer.render(scene, camera);
    requestAnimationFrame(tick);
  }

  // --- where it is seen from
  function bounds() {
    const box = new THREE.Box3();
    const near = new THREE.Box3().setFromObject(find(takes.person.root, "body"));
    if (mode !== "robot" || takes.robot.toScale) box.union(near);
    const made = takes[mode];
    for (const k of [0, 0.25, 0.5, 0.75, 1]) {
      show(made, k * made.last);
      made.root.traverse((node) => {
        const robot = node.name.startsWith("robot");
        if (node.isMesh && node.name !== "floor" && (robot || node === find(made.root, facts.target)))
          box.union(new THREE.Box3().setFromObject(node));
      });
    }
    step(0);
    return box;
  }

  function look(which, smoothly = true) {
    const box = bounds();
    const middle = box.getCenter(new THREE.Vector3());
    const radius = box.getSize(new THREE.Vector3()).length() / 2;
    const half = Math.tan(((camera.fov / 2) * Math.PI) / 180) * Math.min(1, camera.aspect);
    const direction = turned(facts.views[which]).normalize();
    const eye = middle.clone().addScaledVector(direction, (0.86 * radius) / half + 0.2);
    eye.y = Math.max(eye.y, 0.1);
    sun.position.copy(middle).add(new THREE.Vector3(1.4, 4.2, 1.8));
    sun.target.position.copy(middle);
    fill.position.copy(middle).addScaledVector(direction, 4);
    flight = { eye, middle, from: camera.position.clone(), around: controls.target.clone(), share: smoothly ? 0 : 1 };
    fly(0);
  }

  function fly(seconds) {
    flight.share = Math.min(1, flight.share + seconds / 0.45);
    const s = flight.share * flight.share * (3 - 2 * flight.share);
    camera.position.lerpVectors(flight.from, flight.eye, s);
    controls.target.lerpVectors(flight.around, flight.middle, s);
    controls.update();
    if (flight.share === 1) flight = null;
  }

  function resize() {
    const { clientWidth: width, clientHeight: height } = part("stage");
    if (!width || !height) return;
    renderer.setSize(width, height, false);
    camera.aspect = width / height;
    camera.updateProjectionMatrix();
  }

  function wire() {
    clips.forEach((clip) => {
      clip.pause();
      clip.removeAttribute("controls");
      clip.addEventListener("click", toggle);
    });
    card.dataset.wired = "1";
    part("bar").hidden = false;
    part("note").textContent = "drag to turn, wheel to come nearer";
    part("play").addEventListener("click", toggle);
    part("slider").addEventListener("input", (event) => {
      playing = false;
      now = Number(event.target.value);
      step(0);
    });
    card.querySelectorAll(".modes button").forEach((b) =>
      b.addEventListener("click", () => {
        const source = sourceTime(now);
        choose(b.value);
        now = timeOf(source);
        step(0);
        look("side");
      }),
    );
    part("ghost").addEventListener("change", () => choose(mode));
    card.querySelectorAll(".looks button").forEach((b) => b.addEventListener("click", () => look(b.value)));
    controls.addEventListener("start", () => {
      flight = null;
      part("note").textContent = "";
    });
    part("stage").addEventListener("keydown", (event) => {
      if (event.target !== part("canvas")) return;
      if (event.key === " ") toggle();
      else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        playing = false;
        now = Math.max(0, Math.min(length(), now + (event.key === "ArrowRight" ? 1 : -1) / takes[mode].fps));
        step(0);
      } else return;
      event.preventDefault();
    });
  }

  function toggle() {
    playing = !playing;
    if (playing && now >= length()) now = 0;
    step(0);
  }
})().catch((error) => {
  const card = document.querySelector(".view");
  card.dataset.state = "failed";
  card.querySelector(".note").textContent = `The 3D view failed: ${error.message}`;
});
