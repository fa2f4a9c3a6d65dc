// A place that takes files: dropped, chosen, or pasted. A file that is too large, or that the browser may not read, is
// not sent; that is said at once.
import { element } from './asking.js';

export const takeFiles = (zone, megabytes, take) => {
  const given = (files, unread = []) => {
    const isLarge = (file) => file.size > megabytes * 2 ** 20;
    tell(zone, [...files.filter(isLarge).map((file) =>
      `${file.name} has ${Math.round(file.size / 2 ** 20)} MB; save it smaller, with ${megabytes} MB or less.`),
    ...unread.map((name) => `${name} cannot be read; the rest is taken.`)]);
    const fit = files.filter((file) => !isLarge(file));
    if (fit.length) take(fit);
  };
  zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.classList.add('over'); });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', async (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    given(...await dropped(event.dataTransfer));
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

const tell = (zone, sentences) => {
  zone.parentElement.querySelector(':scope > .not-taken')?.remove();
  if (!sentences.length) return;
  const told = element('div', { className: 'notice not-taken', text: sentences.join(' ') });
  told.setAttribute('role', 'alert');
  zone.before(told);
};

// Files that were dropped, those in dropped folders too, named with their folder; and the names of what cannot be read.
export const dropped = async (transfer) => {
  const entries = [...transfer.items ?? []].map((item) => item.webkitGetAsEntry?.()).filter(Boolean), unread = [];
  if (!entries.some((entry) => entry.isDirectory)) return [[...transfer.files], unread];
  return [(await Promise.all(entries.map((entry) => inside(entry, unread)))).flat(), unread];
};
const inside = async (entry, unread) => {
  const found = [];
  try {
    if (entry.isFile) {
      const file = await new Promise((done, failed) => entry.file(done, failed));
      return [Object.assign(file, { inFolder: entry.fullPath.slice(1) })];
    }
    const reader = entry.createReader();
    for (;;) {  // a reader gives a hundred at a time
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!some.length) break;
      found.push(...some);
    }
  } catch {
    unread.push(entry.fullPath.slice(1));
  }
  return (await Promise.all(found.map((one) => inside(one, unread)))).flat();
};

export const nameOf = (file) => file.inFolder || file.webkitRelativePath || file.name;

export const pasted = async () => {
  for (const item of await navigator.clipboard.read()) {
    const kind = item.types.find((type) => type.startsWith('image/'));
    if (kind) return new File([await item.getType(kind)], `pasted.${kind.split('/')[1]}`, { type: kind });
  }
  return null;
};
