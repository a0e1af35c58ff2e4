//! What an error of AWS means to the ports: retry now, retry at, never, already done.
