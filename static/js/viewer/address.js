// The viewer's address is that of the list below it, with the photo behind "#": a reload shows both again.
const PHOTO = /^#photo\/([0-9a-f-]{36})$/;

export const photoOfAddress = () => PHOTO.exec(location.hash)?.[1];
export const addressOfPhoto = (id) => `#photo/${id}`;
