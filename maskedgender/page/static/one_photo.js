// The tab in which a photo is answered as soon as it is there, and again with masks.
import { ask, at, element as make, hint, notice, save, say } from './asking.js';
import { closeCamera, openCamera, pictureOf } from './camera.js';
import { pasted, takeFiles } from './drop.js';

export const start = (element) => {
  const find = (selector) => element.querySelector(selector);
  const zone = find('.drop'), live = find('#words .live'), masks = find('#masks'), anyway = find('#anyway');
  const given = find('.given'), preview = find('.given img'), taking = find('.taking');
  const untouched = live.innerHTML;
  let photo = null, asking = null;

  const clear = () => {
    asking?.abort();
    [masks, anyway].forEach((part) => { part.hidden = true; });
    ['#picture', '#cards'].forEach((part) => find(part).replaceChildren());
  };
  const forget = () => {
    clear();
    photo = null;
    showPreview(null);
    stopTaking();
    say(live, untouched);
  };
  const showPreview = (file) => {
    if (preview.src) URL.revokeObjectURL(preview.src);
    preview.hidden = true;
    preview.removeAttribute('src');
    given.hidden = !file;
    find('.invite').hidden = Boolean(file);
    if (!file) return;
    find('figcaption').textContent = file.name;
    preview.src = URL.createObjectURL(file);  // of a kind that the browser cannot show, the name alone is shown
  };
  preview.addEventListener('load', () => { preview.hidden = false; });

  const take = ([file]) => {
    clear();
    stopTaking();
    photo = file;
    masks.querySelector('input').checked = true;
    showPreview(file);
    answer('Looking for faces ...');
  };
  const answer = async (busy, whole = false) => {
    asking?.abort();
    const mine = asking = new AbortController();
    hint(live, busy);
    toAnswer();
    const style = masks.querySelector('input:checked').value;
    try {
      const told = await ask('answer', photo, { name: photo.name, show: 'one', style, whole, signal: mine.signal,
        waiting: (ahead) => hint(live, `Waiting: ${ahead} ${ahead === 1 ? 'photo is' : 'photos are'} ahead of yours ...`) });
      if (asking === mine) show(told);
    } catch (error) {
      if (error.name !== 'AbortError') throw error;
    }
  };
  const show = (told) => {
    if (told.verdict) {
      say(live, told.verdict);
      find('#picture').innerHTML = told.picture;
      find('#cards').innerHTML = told.cards;
      anyway.hidden = true;
      masks.hidden = !find('.versions img');
    } else if (told.notice) {
      say(live, `<div class="notice">${told.notice}</div>`, 'alert');
      anyway.hidden = false;
    } else {
      clear();
      showPreview(null);
      notice(live, told.error);
    }
    toAnswer();
  };
  // On a phone the answer lies below the photo: bring it into view.
  const toAnswer = () => window.innerWidth < 768 && find('#answer').scrollIntoView(
    { behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });

  const give = takeFiles(zone, element.querySelector('.one-photo').dataset.megabytes, take);
  find('.remove').addEventListener('click', () => { forget(); find('.choose').focus(); });
  find('.paste').addEventListener('click', async () => {
    const file = await pasted().catch(() => null);
    if (file) give([file]);
    else notice(live, 'There is no picture to paste, or the browser blocks the clipboard.');
  });
  document.addEventListener('paste', (event) => {
    const files = [...event.clipboardData?.files ?? []].filter((file) => file.type.startsWith('image/'));
    if (files.length && element.checkVisibility()) give(files);
  });
  masks.addEventListener('change', () => answer('Answering again ...'));
  anyway.addEventListener('click', () => answer('Answering for the whole picture ...', true));
  element.querySelectorAll('.example').forEach((button) => {
    button.querySelector('img').src = at(`examples/${button.dataset.name}`);
    button.addEventListener('click', async () => {
      const picture = await (await fetch(at(`examples/${button.dataset.name}`))).blob();
      give([new File([picture], button.dataset.name, { type: picture.type })]);
    });
  });

  const stopTaking = () => {
    const video = taking.querySelector('video');
    if (video) closeCamera(video);
    taking.hidden = true;
    taking.replaceChildren();
    find('.invite').hidden = !given.hidden;
  };
  find('.open-camera').addEventListener('click', async () => {
    const video = make('video', { muted: true, playsInline: true });
    const shutter = make('button', { type: 'button', className: 'shutter main', text: 'Take the photo' });
    const cancel = make('button', { type: 'button', className: 'cancel', text: 'Cancel' });
    try {
      await openCamera(video, find('.open-camera'));
    } catch (error) {
      notice(live, error.message);
      return;
    }
    taking.replaceChildren(video, shutter, cancel);
    taking.hidden = false;
    find('.invite').hidden = true;
    shutter.focus();
    cancel.addEventListener('click', stopTaking);
    shutter.addEventListener('click', async () => {
      const picture = await pictureOf(video, 1920);
      stopTaking();
      give([new File([picture], 'camera.jpg', { type: 'image/jpeg' })]);
    }, { once: true });
  });

  // A camera that nobody sees is switched off.
  new IntersectionObserver(([seen]) => { if (!seen.isIntersecting && !element.checkVisibility()) stopTaking(); })
    .observe(taking);

  find('#cards').addEventListener('click', ({ target }) => {
    if (target.matches('.save-picture')) savePicture(target);
    if (target.matches('.look')) look(target);
  });
  const savePicture = (button) => {
    const picture = find('#picture img');
    const canvas = make('canvas', { width: picture.naturalWidth, height: picture.naturalHeight });
    canvas.getContext('2d').drawImage(picture, 0, 0);
    save(canvas.toDataURL('image/png'), button.dataset.name);
  };
  // The crop is sent from the page, so that nothing needs to be kept for it.
  const look = async (button) => {
    const version = button.closest('.version'), heat = version.querySelector('.heat');
    if (button.hasAttribute('aria-busy')) return;
    if (button.getAttribute('aria-expanded') === 'false') {
      button.setAttribute('aria-busy', 'true');
      const crop = version.querySelector('img').src.split(',')[1];
      const told = await ask('heat', Uint8Array.from(atob(crop), (letter) => letter.charCodeAt(0)));
      button.removeAttribute('aria-busy');
      version.querySelector('.notice')?.remove();
      if (told.error) {
        const why = make('div', { className: 'notice', text: told.error });
        why.setAttribute('role', 'alert');
        button.after(why);
        return;
      }
      heat.querySelector('img').src = told.picture;
    }
    heat.hidden = !heat.hidden;
    button.setAttribute('aria-expanded', String(!heat.hidden));
  };
};
