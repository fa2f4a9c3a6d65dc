// The tab with the camera: each frame is answered as it comes, and what is shown is the average of the last second.
import { ask, element as make, notice, perCent, say } from './asking.js';
import { closeCamera, openCamera, pictureOf } from './camera.js';

const SIDE = 640;  // pixels of what is sent: enough for people at a desk, and quick
const SECOND = 1000;
const SAME_FACE = 0.25;  // intersection over union with a box of the picture before
const colourOf = (answer) => getComputedStyle(document.querySelector('.live-camera'))
  .getPropertyValue(`--box-${answer.replace(' ', '-')}`).trim();

const shared = ([ax, ay, aw, ah], [bx, by, bw, bh]) => {
  const wide = Math.max(0, Math.min(ax + aw, bx + bw) - Math.max(ax, bx));
  const high = Math.max(0, Math.min(ay + ah, by + bh) - Math.max(ay, by));
  return wide * high / (aw * ah + bw * bh - wide * high);
};

// Faces followed from picture to picture: `seen` gives, for each face of a picture, its answer over the last second.
export const follower = () => {
  let tracks = [], next = 1;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const seen = (faces, border, now) => {
    tracks.forEach((track) => { track.past = track.past.filter((one) => now - one.now < SECOND); });
    tracks = tracks.filter((track) => track.past.length);  // a face lost for less than a second keeps its place
    const free = new Set(tracks);
    faces.forEach((face) => {
      const [track] = [...free].sort((a, b) => shared(b.box, face.box) - shared(a.box, face.box));
      const mine = track && shared(track.box, face.box) > SAME_FACE ? track : { number: next++, past: [] };
      free.delete(mine);
      if (!tracks.includes(mine)) tracks.push(mine);
      mine.box = face.box;
      mine.past.push({ now, p: face.p_female, box: face.box });
    });
    return tracks.filter((track) => !free.has(track)).map(({ number, past }) => {
      const p = mean(past.map((one) => one.p)), near = past.slice(-3);
      const answer = Math.max(p, 1 - p) < border ? 'not sure' : p > 0.5 ? 'female' : 'male';
      return { number, p, answer, box: [0, 1, 2, 3].map((side) => mean(near.map((one) => one.box[side]))) };
    });
  };
  return seen;
};

export const start = (element) => {
  const find = (selector) => element.querySelector(selector);
  const video = find('video'), canvas = find('canvas'), live = find('#now'), untouched = live.innerHTML;
  let running = null, told = '';  // what runs is told from what was stopped, and may still wait for a picture

  const draw = (faces, scale, border) => {
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const pen = canvas.getContext('2d'), size = Math.max(14, canvas.width / 28);
    pen.font = `600 ${size}px system-ui, sans-serif`;
    faces.forEach(({ answer, p, box }) => {
      const [x, y, width, height] = box.map((side) => side * scale), colour = colourOf(answer);
      const label = `${answer} ${perCent(Math.max(p, 1 - p), border)}`, wide = pen.measureText(label).width + size * 0.6;
      pen.lineWidth = size / 6;
      pen.strokeStyle = pen.fillStyle = colour;
      pen.strokeRect(x, y, width, height);
      const top = Math.max(0, y - size * 1.35);
      pen.fillRect(x, top, wide, size * 1.35);
      pen.fillStyle = 'white';
      pen.fillText(label, x + size * 0.3, top + size);
    });
  };
  // Said only when it changes: five times a second would be noise for who listens to it.
  const tell = (faces) => {
    const words = faces.length ? faces.map((face) => face.answer).join(', ') : 'No face in view.';
    const text = faces.length ? `${faces.length} face${faces.length > 1 ? 's' : ''}: ${words}.` : words;
    if (text !== told) say(live, make('h2', { className: 'summary', text }));
    told = text;
  };
  const run = async () => {
    const seen = follower(), answered = [], mine = running = {};
    while (running === mine) {
      const picture = await pictureOf(video, SIDE, 0.85), scale = Math.max(1, Math.max(video.videoWidth, video.videoHeight) / SIDE);
      const reply = await ask('answer', picture, { name: 'camera.jpg', show: 'live' });
      if (running !== mine) return;
      if (reply.error) { stop(); notice(live, reply.error); return; }
      const now = performance.now(), faces = seen(reply.faces, reply.not_sure_below, now);
      draw(faces, scale, reply.not_sure_below);
      tell(faces);
      answered.push(now);
      if (answered.length > 10) answered.shift();
      if (answered.length > 1) {
        const pace = (answered.length - 1) * SECOND / (now - answered[0]);
        find('.pace').textContent = `${pace.toFixed(1)} frames per second`;
        element.dataset.pace = pace.toFixed(2);
      }
      await new Promise(requestAnimationFrame);  // a tab in the background rests
    }
  };
  const stop = () => {
    running = null;
    closeCamera(video);
    ['.stage', '.pace', '.end'].forEach((part) => { find(part).hidden = true; });
    find('.begin').hidden = false;
    told = '';
    say(live, untouched);
  };
  find('.begin').addEventListener('click', async () => {
    try {
      await openCamera(video, find('.begin'));
    } catch (error) {
      notice(live, error.message);
      return;
    }
    ['.stage', '.pace', '.end'].forEach((part) => { find(part).hidden = false; });
    find('.begin').hidden = true;
    find('.end').focus();
    run();
  });
  find('.end').addEventListener('click', () => { stop(); find('.begin').focus(); });
  // A camera that nobody sees is switched off.
  new IntersectionObserver(([seen]) => { if (running && !seen.isIntersecting && !element.checkVisibility()) stop(); })
    .observe(element);
};
