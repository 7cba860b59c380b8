// The pages of signing in, which load nothing else.
import { attachPasskeys } from "./passkeys.js";

attachPasskeys();
