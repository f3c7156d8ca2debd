{{ aged(false) }}
