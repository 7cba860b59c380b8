// Draws the points of the map: with WebGL in one call, or on a plain canvas where that is missing.

export const COLOURS = [
  [0.29, 0.44, 0.83],
  [0.85, 0.47, 0.15],
  [0.2, 0.6, 0.35],
  [0.77, 0.26, 0.36],
  [0.52, 0.37, 0.75],
  [0.55, 0.42, 0.3],
  [0.83, 0.42, 0.65],
  [0.25, 0.58, 0.66],
];
const CHOSEN = [0.95, 0.72, 0.05];

const VERTEX = `#version 300 es
in vec2 at; in uint theme; in uint chosen;
uniform vec2 scale, shift; uniform float size; uniform vec3 colours[${COLOURS.length + 1}];
out vec3 colour;
void main() {
  gl_Position = vec4(at * scale + shift, 0.0, 1.0);
  gl_PointSize = chosen == 1u ? size + 2.0 : size;
  colour = chosen == 1u ? colours[${COLOURS.length}] : colours[theme % ${COLOURS.length}u];
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 colour; out vec4 result;
void main() {
  vec2 apart = gl_PointCoord - 0.5;
  if (dot(apart, apart) > 0.25) discard;
  result = vec4(colour * 0.8, 0.8);
}`;

// Returns {load(map), choose(marks), draw(view)}; `map` has count, x, y and theme.
export function makePoints(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
  const made = gl && onGraphicsCard(gl);
  return made ?? onCanvas(canvas.getContext("2d") ? canvas : fresh(canvas));
}

// A canvas that once had a WebGL context can have no other.
function fresh(canvas) {
  const other = canvas.cloneNode();
  canvas.replaceWith(other);
  return other;
}

function shader(gl, kind, source) {
  const made = gl.createShader(kind);
  gl.shaderSource(made, source);
  gl.compileShader(made);
  return made;
}

function onGraphicsCard(gl) {
  const program = gl.createProgram();
  gl.attachShader(program, shader(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, shader(gl, gl.FRAGMENT_SHADER, FRAGMENT));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  const place = (name) => gl.getUniformLocation(program, name);
  const places = { scale: place("scale"), shift: place("shift"), size: place("size"), colours: place("colours") };
  const marks = gl.createBuffer();
  let count = 0;

  const bind = (name, buffer, values) => {
    const at = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(at);
    return at;
  };

  function load(map) {
    count = map.count;
    const pairs = new Uint16Array(2 * count);
    for (let n = 0; n < count; n++) {
      pairs[2 * n] = map.x[n];
      pairs[2 * n + 1] = map.y[n];
    }
    gl.vertexAttribPointer(bind("at", gl.createBuffer(), pairs), 2, gl.UNSIGNED_SHORT, true, 0, 0);
    gl.vertexAttribIPointer(bind("theme", gl.createBuffer(), map.theme), 1, gl.UNSIGNED_SHORT, 0, 0);
    choose(new Uint8Array(count));
  }

  function choose(values) {
    gl.vertexAttribIPointer(bind("chosen", marks, values), 1, gl.UNSIGNED_BYTE, 0, 0);
  }

  function draw(view) {
    const { width, height } = gl.canvas;
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(program);
    const [sx, sy] = [(2 * view.zoom) / view.width, (-2 * view.zoom) / view.height];
    gl.uniform2f(places.scale, sx, sy);
    gl.uniform2f(places.shift, -view.x * sx, -view.y * sy);
    gl.uniform1f(places.size, view.size * view.ratio);
    gl.uniform3fv(places.colours, [...COLOURS, CHOSEN].flat());
    gl.drawArrays(gl.POINTS, 0, count);
  }

  return { load, choose, draw };
}

function onCanvas(canvas) {
  const context = canvas.getContext("2d");
  const css = [...COLOURS, CHOSEN].map((rgb) => `rgb(${rgb.map((part) => Math.round(255 * part)).join(" ")})`);
  let map = { count: 0 };
  let marks = new Uint8Array();

  function draw(view) {
    context.clearRect(0, 0, canvas.width, canvas.height);
    const scale = (view.zoom * view.ratio) / 65535;
    const left = canvas.width / 2 - view.x * view.zoom * view.ratio;
    const top = canvas.height / 2 - view.y * view.zoom * view.ratio;
    const side = Math.max(view.size * view.ratio * 0.8, 1);
    for (let colour = 0; colour <= COLOURS.length; colour++) {
      context.fillStyle = css[colour];
      for (let n = 0; n < map.count; n++) {
        if ((marks[n] ? COLOURS.length : map.theme[n] % COLOURS.length) !== colour) continue;
        context.fillRect(left + map.x[n] * scale, top + map.y[n] * scale, side, side);
      }
    }
  }

  return {
    load: (loaded) => {
      map = loaded;
      marks = new Uint8Array(map.count);
    },
    choose: (values) => {
      marks = values;
    },
    draw,
  };
}
