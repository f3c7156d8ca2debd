{{ aged(true) }}
