// Sets the chosen theme before anything is painted; a plain script, so that it runs first.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // No storage allowed: the system's theme it is.
}
