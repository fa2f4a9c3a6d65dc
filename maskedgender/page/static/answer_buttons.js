// The buttons of an answer; `element` and `trigger` are given by gr.HTML. The picture is saved from the page itself, and
// the crop that a heat map is made of is sent from there too, so that nothing needs to be kept for either.
const savePicture = (button) => {
  const picture = document.querySelector('#picture img');
  const canvas = Object.assign(document.createElement('canvas'),
    { width: picture.naturalWidth, height: picture.naturalHeight });
  canvas.getContext('2d').drawImage(picture, 0, 0);
  Object.assign(document.createElement('a'), { href: canvas.toDataURL('image/png'), download: button.dataset.name })
    .click();
};
const look = (button) => {
  const version = button.closest('.version'), place = [...element.querySelectorAll('.version')].indexOf(version);
  if (button.getAttribute('aria-expanded') === 'true') {
    button.setAttribute('aria-expanded', 'false');
    version.querySelector('.heat').hidden = true;
  } else if (!button.hasAttribute('aria-busy')) {
    button.setAttribute('aria-busy', 'true');
    trigger('look', { place, crop: version.querySelector('img').src });
  }
};
element.addEventListener('click', ({ target }) => {
  if (target.matches('.save-picture')) savePicture(target);
  if (target.matches('.look')) look(target);
});
