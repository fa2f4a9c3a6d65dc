// The camera: opened on demand, and closed as soon as it is not needed.
const NOT_SECURE = 'Browsers allow the camera only over HTTPS or on localhost: open this page that way.';

// Have a <video> show the camera; an Error with a sentence where there is none to be had. A second click on the button,
// while the browser still asks whether it may, opens no second one.
export const openCamera = async (video, button) => {
  button.disabled = true;
  try {
    await opened(video);
  } finally {
    button.disabled = false;
  }
};
const opened = async (video) => {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new Error(NOT_SECURE);
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'user', width: { ideal: 1280 } } });
  } catch (error) {
    throw new Error(error.name === 'NotAllowedError'
      ? 'The page was not allowed to use the camera; allow it in the address bar, and try again.'
      : 'No camera can be opened here; another program may be using it.');
  }
  video.play().catch(() => {});  // closed before its first picture, which may take a moment: nobody waits for it
};

export const closeCamera = (video) => {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
};

// What the video shows, as a JPEG of at most so many pixels a side. It waits for a camera's first picture.
export const pictureOf = async (video, side, quality = 0.92) => {
  if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !video.videoWidth)
    await new Promise((done) => video.addEventListener('loadeddata', done, { once: true }));
  const scale = Math.min(1, side / Math.max(video.videoWidth, video.videoHeight));
  const canvas = Object.assign(document.createElement('canvas'),
    { width: Math.round(video.videoWidth * scale), height: Math.round(video.videoHeight * scale) });
  canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', quality));
};
