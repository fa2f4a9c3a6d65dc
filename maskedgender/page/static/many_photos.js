// The tab for a whole folder's photos: each is sent by itself, and what comes back stays in this tab alone.
import { ask, element as make, notice, perCent, save, say } from './asking.js';
import { nameOf, takeFiles } from './drop.js';
import { zip } from './zip.js';

const COLUMNS = ['file', 'face', 'x', 'y', 'width', 'height', 'score', 'p_female', 'p_male', 'p_mask', 'answer',
  'error'];
const SHOWN = [['file', 'File'], ['face', 'Face'], ['answer', 'Answer'], ['p_female', 'Female'], ['p_male', 'Male']];
const KINDS = ['female', 'male', 'not sure', 'no face', 'error'];
const FILTERS = { all: 'all', female: 'with female', male: 'with male', 'not sure': 'with not sure',
  'no face': 'without a face', error: 'not readable' };  // they count photos, of which one may have faces of every kind
const NO_FACE = 'no face found';
const TOGETHER = 2;  // photos on their way at once: one is answered while the next one arrives

const count = (n, one) => `${n} ${one}${n === 1 ? '' : 's'}`;
const LEFT_OUT = / left out: /;  // after a photo's hundred faces: how many more there are
const kindOf = (row) => row.error === NO_FACE ? 'no face' : LEFT_OUT.test(row.error) ? 'left out'
  : row.error ? 'error' : row.answer;

// A name whose lines may end after its words, so that no word is broken: barack_, obama.jpg.
const breakable = (name) => name.split(/(?<=[-_ /])/).flatMap((word) => [make('wbr'), word]).slice(1);
// A sentence about a file, shown beside the file's name, without the name that it begins with.
const withoutName = (sentence, name) => {
  const last = name.split('/').at(-1);
  return sentence.startsWith(last) ? sentence.slice(last.length).replace(/^[:,]? +/, '') : sentence;
};

export const start = (element) => {
  const find = (selector) => element.querySelector(selector);
  const zone = find('.drop'), live = find('#table .live'), most = Number(find('.many-photos').dataset.most);
  const untouched = live.innerHTML, large = find('dialog');
  let photos = [], passedOver = 0, wanted = null, sorted = { by: null, down: false }, working = 0;

  const names = new Set();  // those given: two files called 1.jpg are told apart
  const nameFor = (file) => {
    const name = nameOf(file);
    let free = name;
    for (let times = 2; names.has(free); times++) free = name.replace(/([.][^./]*)?$/, ` (${times})$1`);
    names.add(free);
    return free;
  };

  // Of a folder, the same files as the shell takes: images/folders.py has the lists.
  const { suffixes, nobodys } = find('.many-photos').dataset;
  const isSystems = nobodys.split(' ').map((pattern) =>
    new RegExp(`^${pattern.replace(/[.$]/g, '\\$&').replaceAll('*', '.*')}$`));
  const isNobodys = (file) => nameOf(file).split('/').some((part) => isSystems.some((one) => one.test(part)));
  const isPicture = (file) => suffixes.split(' ').some((suffix) => file.name.toLowerCase().endsWith(suffix));
  const inFolder = (file) => file.webkitRelativePath || file.inFolder;
  const take = (files) => {
    const theirs = files.filter((file) => !inFolder(file) || !isNobodys(file));
    const chosen = theirs.filter((file) => !inFolder(file) || isPicture(file));
    if (photos.length + chosen.length > most) {
      notice(live, `${photos.length + chosen.length} files are too many at once; choose ${most} or fewer.`);
      return;
    }
    passedOver += theirs.length - chosen.length;
    photos.push(...chosen.map((file) => ({ file, name: nameFor(file), rows: null })));
    find('.clear').hidden = false;
    for (let free = TOGETHER - working; free > 0; free--) {
      working++;
      work();
    }
    progress();
  };
  const work = async () => {
    const mine = photos;
    for (let photo; mine === photos && (photo = mine.find((one) => !one.rows && !one.sent));) {
      photo.sent = true;
      const told = await ask('answer', photo.file, { name: photo.name, show: 'many' });
      if (mine !== photos) break;
      if (told.picture) photo.picture = await (await fetch(told.picture)).blob();
      photo.summary = told.summary ?? told.error;
      photo.border = told.not_sure_below;
      photo.rows = told.rows ?? [{ ...Object.fromEntries(COLUMNS.map((name) => [name, ''])), file: photo.name,
        error: told.error }];
      delete photo.file;
      progress();
    }
    if (mine === photos) working--;
    if (mine === photos && !working) show();
  };
  const progress = () => {
    const done = photos.filter((photo) => photo.rows).length;
    if (done === photos.length) return;
    const told = make('label', { className: 'hint busy', text: `${done} of ${count(photos.length, 'file')} answered ` });
    told.append(make('progress', { value: done, max: photos.length }));
    live.removeAttribute('role');  // not each of hundreds is announced
    live.replaceChildren(told);
    if (done) fill();
  };

  const answered = () => photos.filter((photo) => photo.rows);
  const shown = () => answered().filter((photo) => !wanted || photo.rows.some((row) => kindOf(row) === wanted));
  const rowsOf = (some) => some.flatMap((photo) => photo.rows.map((row) => ({ ...row, photo })));

  const show = () => {
    const rows = rowsOf(photos), of = (kind) => rows.filter((row) => kindOf(row) === kind).length;
    const faces = rows.filter((row) => row.answer).length;
    const answers = ['female', 'male', 'not sure'].filter(of).map((kind) => `${of(kind)} ${kind}`).join(', ');
    const given = count(photos.length, of('error') ? 'file' : 'photo');
    const told = [`${given}: ${count(faces, 'face')}${answers && ` (${answers})`}`];
    if (of('no face')) told.push(`${count(of('no face'), 'photo')} without a face`);
    if (of('error')) told.push(`${count(of('error'), 'file')} that cannot be read`);
    if (passedOver) told.push(`${count(passedOver, 'other file')} passed over`);
    say(live, make('h2', { className: 'summary', text: `${told.join(', ')}.` }));
    fill();
  };
  const fill = () => {
    find('.results').hidden = false;
    filters();
    grid();
    table();
  };
  const filters = () => {
    const buttons = [null, ...KINDS].map((kind) => {
      const n = kind ? answered().filter((photo) => photo.rows.some((row) => kindOf(row) === kind)).length
        : answered().length;
      const text = `${FILTERS[kind ?? 'all']} (${n})`;
      const button = make('button', { type: 'button', text, disabled: !n && kind !== wanted });
      button.setAttribute('aria-pressed', String(kind === wanted));
      button.dataset.kind = kind ?? 'all';
      button.addEventListener('click', () => {
        wanted = kind;
        fill();
        find(`.filters [data-kind="${kind ?? 'all'}"]`).focus();
      });
      return button;
    });
    find('.filters').replaceChildren(...buttons);
  };
  const grid = () => find('.grid').replaceChildren(...shown().map((photo) => {
    photo.tile ??= tile(photo);
    return photo.tile;
  }));
  const tile = (photo) => {
    const item = make('li'), button = make('button', { type: 'button', className: 'tile' });
    if (photo.picture) {
      photo.url = URL.createObjectURL(photo.picture);
      button.append(make('img', { src: photo.url, alt: `${photo.name}, its faces marked`, loading: 'lazy' }));
    } else {
      button.append(make('span', { className: 'none', text: 'not read' }));
    }
    const name = make('span', { className: 'name' });
    name.append(...breakable(photo.name));
    button.append(name, make('span', { text: withoutName(photo.summary, photo.name) }));
    button.addEventListener('click', () => enlarge(photo));
    item.append(button);
    return item;
  };
  const enlarge = (photo) => {
    const picture = large.querySelector('img');
    picture.hidden = !photo.picture;
    picture.src = photo.url ?? '';
    if (!photo.url) picture.removeAttribute('src');
    picture.alt = `${photo.name} with its faces marked`;
    const said = withoutName(photo.summary, photo.name);
    large.querySelector('p').textContent = said === photo.summary ? `${photo.name}: ${said}` : photo.summary;
    large.showModal();
  };
  large.addEventListener('click', (event) => { if (event.target === large) large.close(); });

  const table = () => {
    find('thead tr').replaceChildren(...SHOWN.map(([by, text]) => {
      const head = make('th', { scope: 'col' }), button = make('button', { type: 'button', text });
      head.setAttribute('aria-sort', sorted.by !== by ? 'none' : sorted.down ? 'descending' : 'ascending');
      button.addEventListener('click', () => {
        sorted = { by, down: sorted.by === by && !sorted.down };
        table();
        find(`thead th:nth-child(${SHOWN.findIndex(([name]) => name === by) + 1}) button`).focus();
      });
      head.append(button);
      return head;
    }));
    const rows = rowsOf(shown()).filter((row) => !wanted || kindOf(row) === wanted);
    const { by, down } = sorted, compare = new Intl.Collator(undefined, { numeric: true }).compare;
    const inOrder = (a, b) => typeof a[by] === 'number' && typeof b[by] === 'number' ? a[by] - b[by]
      : compare(String(a[by]), String(b[by]));
    if (by) rows.sort((a, b) => (down ? -1 : 1) * inOrder(a, b));
    find('tbody').replaceChildren(...rows.map(line));
  };
  const line = (row) => {
    const shares = row.answer && [row.p_female, row.p_male].map((p) => perCent(p, row.photo.border));
    const cells = row.answer ? [row.face, row.answer, ...shares] : [withoutName(row.error, row.file)];
    const shownRow = make('tr'), file = make('th', { scope: 'row', className: 'file' });
    const opener = make('button', { type: 'button' });
    opener.append(...breakable(row.file));
    opener.addEventListener('click', () => enlarge(row.photo));
    file.append(opener);
    shownRow.append(file, ...cells.map((text) => make('td', { text: String(text), colSpan: cells.length === 1 ? 4 : 1 })));
    return shownRow;
  };

  const quoted = (value) => /[",\r\n]/.test(value ?? '') ? `"${value.replaceAll('"', '""')}"` : value ?? '';
  const csv = () => [COLUMNS, ...rowsOf(answered()).map((row) => COLUMNS.map((name) => row[name]))]
    .map((cells) => `${cells.map((cell) => quoted(cell === null ? '' : String(cell))).join(',')}\r\n`).join('');
  find('.save-csv').addEventListener('click', () => save(new Blob([csv()], { type: 'text/csv' }), 'answers.csv'));
  find('.save-zip').addEventListener('click', async () => {
    const files = [['answers.csv', new TextEncoder().encode(csv())]], taken = new Set();
    for (const photo of answered().filter((one) => one.picture)) {
      let name = `${photo.name.replace(/[.][^./]*$/, '')}-answers.jpg`;
      while (taken.has(name)) name = name.replace(/[.]jpg$/, '_.jpg');  // 1.png beside 1.jpg
      taken.add(name);
      files.push([name, new Uint8Array(await photo.picture.arrayBuffer())]);
    }
    save(zip(files), 'answers.zip');
  });

  takeFiles(zone, find('.many-photos').dataset.megabytes, take);
  find('.folder').addEventListener('click', () => find('.of-folder').click());
  find('.clear').addEventListener('click', () => {
    photos.forEach((photo) => photo.url && URL.revokeObjectURL(photo.url));
    photos = [];
    names.clear();
    [wanted, working, passedOver] = [null, 0, 0];
    find('.results').hidden = find('.clear').hidden = true;
    say(live, untouched);
    find('.choose').focus();
  });
};
