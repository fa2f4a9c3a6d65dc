// A place that takes files: dropped, chosen, or pasted. A file that is too large is not sent; that is said at once.
import { element } from './asking.js';

export const takeFiles = (zone, megabytes, take) => {
  const given = (files) => {
    const isLarge = (file) => file.size > megabytes * 2 ** 20;
    tell(zone, files.filter(isLarge), megabytes);
    const fit = files.filter((file) => !isLarge(file));
    if (fit.length) take(fit);
  };
  zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.classList.add('over'); });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', async (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    given(await dropped(event.dataTransfer));
  });
  const chosen = (input) => {
    const files = [...input.files];
    input.value = '';  // the same file may be chosen again
    if (files.length) given(files);
  };
  zone.querySelectorAll('input[type=file]').forEach((input) => {
    input.addEventListener('change', () => chosen(input));
    setTimeout(() => chosen(input));  // what was chosen before this script had come
  });
  zone.querySelector('.choose').addEventListener('click', () => zone.querySelector('input[type=file]').click());
  return given;
};

const tell = (zone, large, megabytes) => {
  zone.parentElement.querySelector(':scope > .too-large')?.remove();
  if (!large.length) return;
  const text = large.map((file) =>
    `${file.name} has ${Math.round(file.size / 2 ** 20)} MB; save it smaller, with ${megabytes} MB or less.`).join(' ');
  const told = element('div', { className: 'notice too-large', text });
  told.setAttribute('role', 'alert');
  zone.before(told);
};

// Files that were dropped, those in dropped folders too, named with their folder.
const dropped = async (transfer) => {
  const entries = [...transfer.items ?? []].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.map((entry) => inside(entry)))).flat();
};
const inside = async (entry) => {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file((file) =>
    done(Object.assign(file, { inFolder: entry.fullPath.slice(1) })), failed))];
  const reader = entry.createReader(), found = [];
  for (;;) {  // a reader gives a hundred at a time
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(inside))).flat();
};

export const nameOf = (file) => file.inFolder || file.webkitRelativePath || file.name;

export const pasted = async () => {
  for (const item of await navigator.clipboard.read()) {
    const kind = item.types.find((type) => type.startsWith('image/'));
    if (kind) return new File([await item.getType(kind)], `pasted.${kind.split('/')[1]}`, { type: kind });
  }
  return null;
};
