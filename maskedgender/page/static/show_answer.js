() => {
  // On a phone the answer lies below the photo: bring it into view, once its picture has taken its place.
  const show = () => {
    const answer = document.getElementById('answer');
    if (window.innerWidth < 768 && answer.querySelector('.summary, .notice'))
      answer.scrollIntoView({ behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  };
  setTimeout(show, 400);
}
