// What the caches of kept thumbnails are called; the number of the account follows.
export const PREFIX = "scry-recent-";
